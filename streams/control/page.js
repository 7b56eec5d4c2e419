"use strict";

const COLUMNS = {
  positions: [["account"], ["strategy"], ["instrument"], ["qty", 1], ["avg_px", 1, "avg px"], ["mark_px", 1, "mark px"], ["pnl", 1, "P&L"],
    ["realized_pnl", 1, "realized"], ["unrealized_pnl", 1, "unrealized"], ["fees", 1], ["fills", 1]],
  orders: [["order_id", 0, "order"], ["account"], ["strategy"], ["instrument"], ["side"], ["type"], ["px", 1], ["qty", 1],
    ["leaves_qty", 1, "open"], ["cum_qty", 1, "filled"], ["status"], ["ts", 0, "since"]],
  health: [["name", 0, "process"], ["health"], ["records_in", 1, "in"], ["records_out", 1, "out"], ["lag", 1], ["lag_s", 1, "lag s"],
    ["latency_ms_p50", 1, "p50 ms"], ["latency_ms_p99", 1, "p99 ms"], ["restarts", 1], ["pid", 1]],
  breakers: [["name", 0, "what"], ["kind"], ["ts", 0, "since"], ["reason"]],
  alerts: [["run", 1], ["ts", 0, "time"], ["severity"], ["source"], ["text"]],
  commands: [["run", 1], ["ts", 0, "time"], ["kind"], ["target"], ["reason"]],
  limits: [["scope"], ["rule"], ["instrument"], ["group"], ["value", 1], ["interval"]],
  params: [["strategy"], ["name"], ["value", 1]],
};
const NONE = { positions: "no position yet", orders: "none", breakers: "nothing is halted", alerts: "none", commands: "none",
  limits: "none", params: "all as in the strategies' classes", health: "no process is known", reconciliation: "positions, orders and fills agree" };
const TONE = { running: "good", down: "bad", stale: "bad", failed: "bad", fenced: "bad", ERROR: "bad", WARNING: "warn", KILL: "bad",
  opening: "warn", ended: "warn" };
const byId = (id) => document.getElementById(id);

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function text(column, value) {
  if (value === null || value === undefined || value === "") return "";
  if (column.startsWith("latency") && value === 0) return "";
  if (column === "pid") return String(value || "");
  if (column === "ts") return String(value).replace("T", " ").replace("Z", "");
  if (typeof value === "number") return value.toLocaleString("en-US", { maximumFractionDigits: column.startsWith("latency") ? 1 : 8 });
  return String(value);
}

function fill(id, rows) {
  const box = byId(id);
  if (!rows.length) return box.replaceChildren(element("p", NONE[id], "none"));
  const table = document.createElement("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const [column, number, title] of COLUMNS[id]) head.append(element("th", title || column, number ? "number" : ""));
  for (const row of rows) {
    const line = body.insertRow();
    for (const [column, number] of COLUMNS[id]) {
      const shown = text(column, row[column]);
      const tone = TONE[shown] || (column === "pnl" && shown.startsWith("-") ? "bad" : "");
      line.append(element("td", shown, `${number ? "number" : ["text", "reason"].includes(column) ? "" : "short"} ${tone}`));
    }
  }
  const kept = box.scrollTop;
  box.replaceChildren(table);
  box.scrollTop = kept;
}

function limit(row) {
  const { limit_qty: qty, limit_money: money, limit_count: count, limit_bps: bps, interval_ns: ns } = row;
  return { ...row, value: qty ?? money ?? count ?? (bps === null ? "" : `${bps} bps`), interval: ns === null ? "" : `${ns / 1e9} s` };
}

function show(all) {
  const { run } = all, trading = byId("trading");
  byId("run").textContent = run.number
    ? `${run.topology}, run ${run.number}, ${run.now_ts.replace("T", " ").slice(0, 19)} UTC${run.clock === "RECORDING" ? ` at ${run.speed}x` : ""}` : "no run";
  trading.textContent = !run.number ? "" : run.halted ? "TRADING IS STOPPED" : all.breakers.length ? "trading, with halts" : "trading";
  trading.className = run.halted ? "halted" : "live";
  byId("stop").disabled = byId("resume").disabled = !run.number;
  byId("orders-count").textContent = all.orders.length || "";
  for (const id of ["positions", "orders", "health", "breakers", "alerts", "commands", "params"]) fill(id, all[id]);
  fill("limits", all.limits.map(limit));
  byId("reconciliation").replaceChildren(...(all.reconciliation.length
    ? all.reconciliation.map((one) => element("p", one, "bad")) : [element("p", NONE.reconciliation, "none")]));
  const names = Object.keys(all.targets);
  if (byId("names").childElementCount !== names.length)
    byId("names").replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
}

let until = 0;
function say(what, fine) {
  const said = byId("said");
  said.textContent = what;
  said.className = fine ? "fine" : "";
  said.hidden = !what;
  until = Date.now() + (fine ? 4000 : 15000);
}

async function look() {
  try {
    const answer = await fetch("/api/", { signal: AbortSignal.timeout(5000) });
    show(await answer.json());
    if (Date.now() > until) say("", true);
  } catch (error) {
    byId("trading").textContent = "";
    say(`The control plane does not answer; what is shown is old. millrace kill works without it. (${error.message})`, false);
  }
  setTimeout(look, 1000);
}

async function ask(kind, target) {
  const began = performance.now();
  try {
    const answer = await fetch("/api/commands/", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ kind, target, reason: "control page" }),
      signal: AbortSignal.timeout(8000) });
    const found = await answer.json();
    if (!answer.ok) return say(found.error, false);
    say(`${kind} ${target || "all"} is written (${Math.round(performance.now() - began)} ms)${found.note ? `: ${found.note}` : ""}`, true);
  } catch (error) {
    say(`${kind} ${target || "all"} may not be written: ${error.message}. Use: millrace ${kind.toLowerCase()} ${target}`, false);
  }
}

byId("stop").addEventListener("click", () => ask("KILL", ""));
byId("resume").addEventListener("click", () => confirm("Resume trading, and set every breaker back?") && ask("RESUME", ""));
byId("target").addEventListener("submit", (event) => {
  event.preventDefault();
  if (byId("name").value) ask(event.submitter.value, byId("name").value.trim());
});
look();
