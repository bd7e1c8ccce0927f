"""The `al-*` commands of an agent's shell: one file per command, each exports `main(arguments) -> exit code`.

They print `{"ok":true}` and end with 0, or say on stderr what is wrong and end with 9.
"""
