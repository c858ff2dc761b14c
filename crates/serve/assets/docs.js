// Shows openapi.json. Paths are relative, because the server may be below any path of a proxy.
import { element } from "./parts.js";

const by = (id) => document.getElementById(id);

// Resolves a reference to a part of the description; returns other parts unchanged.
const resolve = (part) => (part?.$ref ? part.$ref.slice(2).split("/").reduce((at, name) => at[name], api) : part);

function operation(path, method, { summary, description, ...details }) {
  const parameters = (details.parameters ?? []).map(resolve);
  const requestBody = resolve(details.requestBody);
  const responses = Object.fromEntries(Object.entries(details.responses).map(([status, response]) => [status, resolve(response)]));
  const section = element("section", "", "operation");
  const title = element("h3");
  title.append(element("span", method.toUpperCase(), "method"), ` ${path}`);
  section.append(title, element("p", summary));
  if (description) section.append(element("p", description, "muted"));
  const types = Object.keys(requestBody?.content ?? {});
  if (types.length) section.append(element("p", `Content types: ${types.join(", ")}.`));
  for (const { examples = {} } of Object.values(requestBody?.content ?? {})) {
    for (const { value } of Object.values(examples)) section.append(element("pre", JSON.stringify(value)));
  }
  if (parameters.length) section.append(list(parameters.map((p) => [p.name, p.description])));
  section.append(list(Object.entries(responses).map(([status, response]) => [status, response.description])));
  for (const { content = {} } of Object.values(responses)) {
    const example = content["application/json"]?.example;
    if (example) section.append(element("pre", JSON.stringify(example, null, 2)));
  }
  return section;
}

function list(rows) {
  const table = element("table", "", "numbers");
  table.append(...rows.map(([name, text]) => {
    const row = element("tr");
    const cell = element("td", text);
    cell.style.textAlign = "left";
    row.append(element("th", name), cell);
    return row;
  }));
  const wide = element("div", "", "wide");
  wide.append(table);
  return wide;
}

const api = await (await fetch("openapi.json")).json();
by("title").textContent = api.info.title;
by("description").textContent = api.info.description;
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, details] of Object.entries(methods)) by("operations").append(operation(path, method, details));
}
