"""`al creds` as it is typed: from a terminal, from a pipe, from files."""

from pathlib import Path

import pytest

from tests.commands.program import Terminal, al

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"


def kept(cwd: Path, name: str) -> str:
    return (cwd / "home" / "credentials" / name).read_text()


def nothing_kept(cwd: Path) -> bool:
    return not (cwd / "home" / "credentials").exists()


def test_a_secret_is_asked_for_without_an_echo(tmp_path: Path) -> None:
    """What is typed at the prompt is kept, and the terminal never shows it."""
    terminal = Terminal("creds", "add", "github_token", cwd=tmp_path)
    terminal.answer("Token (or @FILE): ", "ghp_typed")
    assert terminal.end() == 0
    assert "ghp_typed" not in terminal.shown
    assert "github_token: kept token" in terminal.shown
    assert "what runs here has it from now on" in terminal.shown
    assert kept(tmp_path, "github_token/default/token") == "ghp_typed\n"


def test_a_key_of_many_lines_comes_from_a_file_at_the_prompt(tmp_path: Path) -> None:
    """@FILE at one prompt, typed values at the others; what is no secret is shown while it is typed."""
    (tmp_path / "key").write_text(KEY)
    terminal = Terminal("creds", "add", "git_ssh:acme", cwd=tmp_path)
    terminal.answer("Private key (or @FILE): ", "@key")
    terminal.answer("Name in commits (or @FILE): ", "dev")
    terminal.answer("Address in commits (or @FILE): ", "dev@example.com")
    assert terminal.end() == 0
    assert kept(tmp_path, "git_ssh/acme/id_rsa") == KEY
    assert "dev@example.com" in terminal.shown


def test_a_key_of_many_lines_is_pasted_at_the_prompt(tmp_path: Path) -> None:
    """All of it is kept and none of it shown, and the prompts after it get none of its lines."""
    terminal = Terminal("creds", "add", "git_ssh", cwd=tmp_path)
    terminal.answer("Private key (or @FILE): ", KEY)
    terminal.answer("Name in commits (or @FILE): ", "dev")
    terminal.answer("Address in commits (or @FILE): ", "dev@example.com")
    assert terminal.end() == 0
    assert kept(tmp_path, "git_ssh/default/id_rsa") == KEY
    assert kept(tmp_path, "git_ssh/default/username") == "dev\n"
    assert "abc" not in terminal.shown
    assert "PRIVATE KEY" not in terminal.shown


def test_a_certificate_is_pasted_at_a_prompt_that_shows(tmp_path: Path) -> None:
    """Then the key at the prompt after it."""
    terminal = Terminal("creds", "add", "cloudflare_origin_cert:a", cwd=tmp_path)
    certificate = KEY.replace("OPENSSH PRIVATE KEY", "CERTIFICATE")
    terminal.answer("Certificate (or @FILE): ", certificate)
    terminal.answer("Private key (or @FILE): ", KEY)
    assert terminal.end() == 0
    assert kept(tmp_path, "cloudflare_origin_cert/a/certificate") == certificate
    assert kept(tmp_path, "cloudflare_origin_cert/a/private_key") == KEY


def test_a_pasted_key_without_its_end_is_refused(tmp_path: Path) -> None:
    """Ctrl-D ends the wait for it; nothing is kept and nothing shown."""
    terminal = Terminal("creds", "add", "git_ssh", cwd=tmp_path)
    terminal.answer("Private key (or @FILE): ", "-----BEGIN OPENSSH PRIVATE KEY-----\ns3cret")
    terminal.answer("Ctrl-D gives up.", "\x04")
    assert terminal.end() == 2
    assert "the key has a BEGIN line and no END line" in terminal.shown
    assert "s3cret" not in terminal.shown
    assert nothing_kept(tmp_path)


@pytest.mark.parametrize(("typed", "code"), [("\x03", 130), ("\x04", 130)])
def test_leaving_a_hidden_prompt_keeps_nothing(tmp_path: Path, typed: str, code: int) -> None:
    """Ctrl-C and Ctrl-D, as at the prompts that show."""
    terminal = Terminal("creds", "add", "github_token", cwd=tmp_path)
    terminal.answer("Token (or @FILE): ", typed)
    assert terminal.end() == code
    assert nothing_kept(tmp_path)


def test_a_misspelt_field_by_pipe_keeps_nothing(tmp_path: Path) -> None:
    """The answer names it."""
    done = al("creds", "add", "github_token", cwd=tmp_path, given='{"tokn": "j"}')
    assert done.returncode == 2
    assert "error: github_token has no field tokn" in done.stderr
    assert nothing_kept(tmp_path)


def test_an_at_sign_before_what_is_no_file_is_not_shown(tmp_path: Path) -> None:
    """It may be a secret that begins so."""
    terminal = Terminal("creds", "add", "github_token", cwd=tmp_path)
    terminal.answer("Token (or @FILE): ", "@s3cret")
    assert terminal.end() == 2
    assert "s3cret" not in terminal.shown
    assert nothing_kept(tmp_path)


def test_ctrl_c_at_a_prompt_keeps_nothing(tmp_path: Path) -> None:
    """Not even the fields that were answered already."""
    terminal = Terminal("creds", "add", "git_ssh", cwd=tmp_path)
    (tmp_path / "key").write_text(KEY)
    terminal.answer("Private key (or @FILE): ", "@key")
    terminal.answer("Name in commits (or @FILE): ", "\x03")
    assert terminal.end() == 130
    assert nothing_kept(tmp_path)


def test_headless_never_asks(tmp_path: Path) -> None:
    """Also where there is a terminal."""
    terminal = Terminal("creds", "add", "github_token", "-H", cwd=tmp_path)
    assert terminal.end() == 2
    assert "--stdin" in terminal.shown


def test_a_value_comes_by_pipe(tmp_path: Path) -> None:
    """Without an option, too: where there is no terminal nobody can be asked."""
    assert al("creds", "add", "github_token", cwd=tmp_path, given="ghp_1\n").returncode == 0
    assert al("creds", "add", "sentry_token", "--stdin", cwd=tmp_path, given="s").returncode == 0
    assert kept(tmp_path, "github_token/default/token") == "ghp_1\n"


def test_json_by_pipe_and_a_file_go_together(tmp_path: Path) -> None:
    """A key from its file, the rest from stdin."""
    (tmp_path / "key").write_text(KEY)
    words = ("creds", "add", "git_ssh", "--stdin", "--file", "id_rsa=key")
    given = '{"username": "dev", "email": "dev@example.com"}'
    assert al(*words, cwd=tmp_path, given=given).stdout == "git_ssh: kept id_rsa, username, email\n"


@pytest.mark.parametrize("entry", ["id_rsa", "id_rsa=", "id_rsa=missing", "id_rsa=."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, entry: str) -> None:
    """With the form that the option has."""
    done = al("creds", "add", "git_ssh", "--file", entry, cwd=tmp_path)
    assert done.returncode == 2
    assert "write FIELD=PATH" in done.stderr
    assert nothing_kept(tmp_path)


def test_nothing_on_stdin_is_wrong_use(tmp_path: Path) -> None:
    """As in a script whose variable is empty."""
    done = al("creds", "add", "github_token", "--stdin", cwd=tmp_path)
    assert done.returncode == 2
    assert "error: nothing came on stdin, and github_token needs token" in done.stderr


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """One line that says so, without the bytes."""
    done = al("creds", "add", "github_token", cwd=tmp_path, given=b"s3cret\xff")
    assert done.returncode == 2
    assert "is not UTF-8 text" in done.stderr
    assert "s3cret" not in done.stderr


def test_an_unknown_type_is_suggested(tmp_path: Path) -> None:
    """For `add` and for `types`."""
    for words in (("add", "github-token"), ("types", "github-token")):
        done = al("creds", *words, cwd=tmp_path, given="x")
        assert done.returncode == 2
        assert "did you mean 'github_token'" in done.stderr


def test_a_stray_file_does_not_hide_the_list(tmp_path: Path) -> None:
    """The warning goes to stderr, so that --json stays one answer."""
    al("creds", "add", "github_token", cwd=tmp_path, given="ghp_1")
    (tmp_path / "home/credentials/notes.txt").write_text("mine")
    done = al("creds", "ls", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert '"ref": "github_token"' in done.stdout
    assert "notes.txt" not in done.stdout
    assert done.stderr.startswith("warning: notes.txt is no credential")


def test_removing_says_what_went(tmp_path: Path) -> None:
    """And a second time, that there is nothing."""
    al("creds", "add", "github_token", cwd=tmp_path, given="ghp_1")
    assert al("creds", "rm", "github_token", cwd=tmp_path).stdout == "github_token: removed token\n"
    assert al("creds", "rm", "github_token", cwd=tmp_path).returncode == 1
