"""The `al-*` commands of an agent's shell: one file per command, each exports `main(arguments) -> exit code`.

They print `{"ok":true}`, or what the gateway answered, and end with the code that stands for it (gateway_client.py); of
wrong use they say on stderr what is wrong, and end with 9.
"""
