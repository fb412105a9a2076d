// Whether dashboards are what Grafana takes for such (board.ts), and their queries of logs what Loki's grammar takes for such.
//
// usage: node check.mjs DASHBOARD.json ...
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parser } from "@grafana/lezer-logql";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const boards = process.argv.slice(2).map((file) => ({ name: basename(file), text: readFileSync(file, "utf8") }));
if (boards.length === 0) throw new Error("usage: node check.mjs DASHBOARD.json ...");

/** What the compiler has against a dashboard, written as a value of its type. */
function typed() {
  const sources = new Map(
    boards.map(({ name, text }) => [join(here, `${name}.ts`), `import type { Board } from "./board";\nexport const board: Board = ${text}`]),
  );
  const options = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) =>
    sources.has(path) ? ts.createSourceFile(path, sources.get(path), ts.ScriptTarget.ES2022) : getSourceFile(path, ...rest);
  const program = ts.createProgram([...sources.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map((found) => {
    const line = found.file && found.start !== undefined ? found.file.getLineAndCharacterOfPosition(found.start).line : 0;
    return `${found.file ? basename(found.file.fileName) : ""}:${line}: ${ts.flattenDiagnosticMessageText(found.messageText, "\n  ")}`;
  });
}

/** Queries of logs that cannot be parsed. Grafana puts words in the place of variables before Loki reads them. */
function parsed() {
  const faults = [];
  for (const { name, text } of boards) {
    const asked = JSON.parse(text).panels.filter((panel) => panel.datasource.uid === "loki").flatMap((panel) => panel.targets);
    for (const { expr } of asked) {
      parser.parse(expr.replace(/\$\w+/g, "word")).iterate({
        enter: (node) => {
          if (node.type.isError) faults.push(`${name}: no query of Loki's, from character ${node.from}: ${expr}`);
        },
      });
    }
  }
  return faults;
}

const faults = [...typed(), ...parsed()];
for (const fault of faults) console.error(fault);
process.exit(faults.length ? 1 : 0);
