"use strict";
// Sorting and filtering of what the page already holds. Without it everything is there, sorted by name.
const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

function valueOf(row, column) {
  const cell = row.cells[column];
  return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.trim();
}

function sort(table, column, head) {
  const first = head.dataset.first === "descending" ? "descending" : "ascending";
  const order = head.ariaSort ? (head.ariaSort === "ascending" ? "descending" : "ascending") : first;
  const sign = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const keyed = Array.from(body.rows, (row) => [valueOf(row, column), row]);
  keyed.sort(([a], [b]) => sign * (typeof a === "number" ? a - b : compare(a, b)));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  body.append(...keyed.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, column, head));
  });
}

const controls = document.getElementById("controls");
if (controls) {
  const table = document.getElementById("students-table");
  const rows = Array.from(table.tBodies[0].rows, (row) => [row, row.textContent.toLowerCase()]);
  const [find, status, section, flagged, shown] =
    ["find", "status", "section", "flagged", "shown"].map((id) => document.getElementById(id));
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [row, text] of rows) {
      const fits = words.every((word) => text.includes(word))
        && (!status.value || row.dataset.status === status.value)
        && (!section || !section.value || row.dataset.section === section.value)
        && (!flagged.checked || row.dataset.flags !== "0");
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = count + " of " + rows.length + " shown";
  };
  controls.hidden = false;
  controls.addEventListener("input", filter);
  controls.addEventListener("change", filter);
  controls.addEventListener("submit", (event) => event.preventDefault());
  filter();
}
