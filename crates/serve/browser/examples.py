"""Runs the curl commands of docs/serve.md as printed, with a served run.

    python3 crates/serve/browser/examples.py target/release/modiste RUN
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from check import ROOT, Server, images, png


def main():
    modiste, model = sys.argv[1:]
    text = (ROOT / "docs/serve.md").read_text()
    commands = re.findall(r"^curl .*$", text, re.M)
    assert len(commands) >= 7, commands
    with Server(modiste, model) as server, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shoe, shirt = images()[:2]
        (folder / "shoe.png").write_bytes(png(28, 28, shoe))
        (folder / "shirt.png").write_bytes(png(28, 28, shirt))
        (folder / "images.json").write_text(json.dumps({"images": [list(shoe)]}))
        for command in commands:
            here = command.replace("http://127.0.0.1:8080", server.url).replace("curl ", "curl --fail-with-body ")
            done = subprocess.run(here, shell=True, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0 and done.stdout, f"{command}: {done.stdout}{done.stderr}"
            if "/metrics" not in command:
                json.loads(done.stdout)
    print(f"{len(commands)} commands of docs/serve.md give the printed output")


if __name__ == "__main__":
    sys.exit(main())
