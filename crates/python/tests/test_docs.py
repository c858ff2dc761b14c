"""Runs the examples of docs/python.md in order, as printed."""
import re
import shutil

import numpy as np
from conftest import TOP
from PIL import Image


def test_the_page_runs_as_printed(pictures, tmp_path, monkeypatch):
    page = (TOP / "docs/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) >= 9
    monkeypatch.chdir(tmp_path)
    for old, new in (("top", "shoes"), ("bottom", "bags")):
        shutil.copytree(pictures / old, tmp_path / "my-pictures" / new)
    shoe = np.full((120, 90), 255, np.uint8)
    shoe[40:80, 20:70] = 60
    Image.fromarray(shoe).save("shoe.png")
    place = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), place)
    assert Image.open("why.png").size == (224, 224)


def test_every_public_name_is_on_the_page():
    import modiste

    page = (TOP / "docs/python.md").read_text()
    for name in set(modiste.__all__) - {"__version__", "Part", "Explanation"}:
        assert re.search(rf"modiste\.{name}\b", page), name
    for kind in (modiste.Model, modiste.Run, modiste.Classifier, modiste.Explanation):
        public = [name for name in vars(kind) if not name.startswith("_") and name != "set_score_request"]
        for name in public:
            assert name in page, f"{kind.__name__}.{name}"
