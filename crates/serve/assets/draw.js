// The drawing area, for mouse, finger and keyboard.

// Distance that an arrow key moves the pen, in pixels of the canvas.
const STEP = 8;
// Delay between the last stroke and the classification, in milliseconds.
const PAUSE = 120;

export function drawing(canvas, width, clear, changed) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let last = null;
  let timer = 0;
  const pen = { x: canvas.width / 2, y: canvas.height / 2, down: false };

  const wipe = () => {
    context.fillStyle = "#000000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    pen.down = false;
    clearTimeout(timer);
    changed(true);
  };
  const stroke = (from, to) => {
    context.strokeStyle = "#ffffff";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = Number(width.value);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    clearTimeout(timer);
    timer = setTimeout(() => changed(false), PAUSE);
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(event);
    stroke(last, next);
    last = next;
  });
  // Chromium treats a fast stroke as a fling gesture, and the next tap then ends it instead of causing a click.
  canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") wipe();
    else if (event.key === " ") {
      pen.down = !pen.down;
      if (pen.down) stroke(pen, pen);
    } else if (MOVES[event.key]) {
      const [dx, dy] = MOVES[event.key];
      const inside = (value) => Math.min(canvas.width, Math.max(0, value));
      const from = { ...pen };
      pen.x = inside(pen.x + STEP * dx);
      pen.y = inside(pen.y + STEP * dy);
      if (pen.down) stroke(from, pen);
    } else return;
    event.preventDefault();
  });
  clear.addEventListener("click", wipe);
  context.fillRect(0, 0, canvas.width, canvas.height);
}
