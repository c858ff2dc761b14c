// The model's card: figures, confusion matrix, classes, worst mistakes.
import { by, element, figure, grouped, paint } from "./parts.js";

const four = (number) => (number === null ? "-" : number.toFixed(4));

export function showCard(card, model, choose) {
  const { evaluation, data, split, part } = card;
  const interval = (pair) => (pair ? `95 %: ${pair.map(four).join(" to ")}` : "");
  const figures = [
    ["accuracy", four(evaluation.accuracy), interval(evaluation.accuracy_interval)],
    ["loss", four(evaluation.loss), interval(evaluation.loss_interval)],
    ["mean AUROC", four(evaluation.auroc), interval(evaluation.auroc_interval)],
    ["calibration error", four(evaluation.calibration.ece), "expected, 15 bins"],
    ["images", grouped(evaluation.images), `${data}, split ${split}, ${part} part`],
  ];
  by("figures").replaceChildren(...figures.map(figure));
  by("confusion").replaceChildren(...confusion(evaluation.confusion, model.classes));
  by("classes").replaceChildren(...classes(evaluation.classes));
  by("mistakes").replaceChildren(...card.mistakes.map((mistake) => wrong(mistake, model, choose)));
}

function row(cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}

function confusion(counts, names) {
  const corner = element("th", "truth \\ prediction", "corner");
  const headings = names.map((name) => {
    const cell = element("th");
    cell.scope = "col";
    cell.append(element("span", name));
    return cell;
  });
  const head = element("thead");
  head.append(row([corner, ...headings]));
  const body = element("tbody");
  body.append(...counts.map((line, truth) => {
    const all = line.reduce((sum, count) => sum + count, 0);
    const name = element("th", names[truth]);
    name.scope = "row";
    return row([name, ...line.map((count, said) => cell(count, all, truth === said, names[truth], names[said]))]);
  }));
  return [head, body];
}

function cell(count, all, right, truth, said) {
  const made = element("td", String(count));
  made.title = `${count} of ${all} images of ${truth} taken for ${said}`;
  if (count === 0) made.className = "none";
  else {
    // Mistakes are few, so their scale ends at a quarter of the class.
    const strength = Math.min(1, (count / all) * (right ? 1 : 4));
    made.style.background = `rgb(var(--${right ? "right" : "wrong"}) / ${0.06 + 0.94 * strength})`;
    made.classList.toggle("strong", strength > 0.55);
  }
  return made;
}

function classes(reports) {
  const head = element("thead");
  const heading = (text) => Object.assign(element("th", text), { scope: "col" });
  head.append(row(["class", "precision", "recall", "F1", "AUROC", "images"].map(heading)));
  const body = element("tbody");
  body.append(...reports.map((report) => {
    const name = Object.assign(element("th", report.name), { scope: "row" });
    const numbers = [report.precision, report.recall, report.f1, report.auroc].map((number) => element("td", four(number)));
    return row([name, ...numbers, element("td", String(report.support))]);
  }));
  return [head, body];
}

function wrong(mistake, model, choose) {
  const { image, classes: names } = model;
  const button = element("button");
  button.type = "button";
  const canvas = element("canvas");
  Object.assign(canvas, { width: image.width, height: image.height });
  paint(canvas, mistake.pixels, image);
  const said = `seen as ${names[mistake.prediction]} (${(100 * mistake.probability).toFixed(0)} %)`;
  button.append(canvas, element("b", names[mistake.truth]), element("span", said));
  button.addEventListener("click", () => choose(canvas));
  return button;
}
