"""Controls Chromium through chromedriver (WebDriver protocol) with Python's standard library."""
import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PATIENCE = 60
KEYS = {"tab": "\ue004", "enter": "\ue007", "space": " ", "left": "\ue012", "up": "\ue013",
        "right": "\ue014", "down": "\ue015", "delete": "\ue017"}


class Driver:
    """The chromedriver process."""

    def __enter__(self):
        self.process = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                self.url = f"http://127.0.0.1:{found[1]}"
                return self
        raise RuntimeError("chromedriver did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def browser(self, width=1280, height=900, phone=False, arguments=()):
        return Browser(self.url, width, height, phone, arguments)


class Browser:
    """One window. `phone` simulates a touch screen and its resolution; `arguments` are passed to Chromium."""

    def __init__(self, url, width, height, phone, arguments):
        options = {
            "binary": "/usr/bin/chromium",
            "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                     "--disable-background-networking", "--no-first-run",
                     f"--window-size={width},{height}", *arguments],
        }
        if phone:
            metrics = {"width": width, "height": height, "pixelRatio": 2, "mobile": True, "touch": True}
            options["mobileEmulation"] = {"deviceMetrics": metrics}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                  "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        self.url = url + "/session"
        body = {"capabilities": {"alwaysMatch": wanted}}
        self.url = f"{self.url}/{self.call('POST', '', body)['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call("DELETE", "")

    def call(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {json.load(error)['value']['message']}") from None

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def script(self, code, *arguments):
        return self.call("POST", "/execute/sync", {"script": code, "args": list(arguments)})

    def find(self, selector):
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def text(self, selector):
        return self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def click(self, selector):
        self.call("POST", f"/element/{self.find(selector)}/click")

    def type(self, selector, text):
        self.call("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def keys(self, *names):
        """Presses keys in the focused element."""
        actions = []
        for name in names:
            key = KEYS.get(name, name)
            actions += [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.act({"type": "key", "id": "keyboard", "actions": actions})

    def stroke(self, selector, points, kind="mouse"):
        """Draws through points, relative to the middle of the element."""
        origin = {ELEMENT: self.find(selector)}
        move = lambda point: {"type": "pointerMove", "duration": 30, "origin": origin,
                              "x": point[0], "y": point[1]}
        actions = [move(points[0]), {"type": "pointerDown", "button": 0}]
        actions += [move(point) for point in points[1:]] + [{"type": "pointerUp", "button": 0}]
        self.act({"type": "pointer", "id": kind, "parameters": {"pointerType": kind},
                  "actions": actions})

    def act(self, source):
        self.call("POST", "/actions", {"actions": [source]})

    def cdp(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def until(self, what, code, *arguments):
        """Waits until the script returns a true value, and returns it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if value := self.script(code, *arguments):
                return value
            time.sleep(0.05)
        raise AssertionError(f"timed out waiting for {what}; the page says: {self.text('body')[:500]}")

    def picture(self, path, whole=True):
        """Writes a screenshot to a PNG file."""
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))
