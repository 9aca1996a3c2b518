// Looks at pages in Chromium, as their readers do, and writes what a machine can see of them as JSON.
//   node look.mjs CHROMIUM page.html ...        MODULES: the folder that holds node_modules
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.MODULES}/`);
const { chromium } = require("playwright-core");
const { FileSystemConfigLoader, HtmlValidate } = require("html-validate");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const VIEWS = [
  { width: 1280, height: 900, colorScheme: "light" },
  { width: 390, height: 844, colorScheme: "dark" },
];
// What a page must not hold: whatever could run, fetch, or lead elsewhere.
const FORBIDDEN = "script, iframe, frame, object, embed, link, base, form, img:not([src^='data:'])";

async function look(browser, file, { width, height, colorScheme }) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  const outside = [], fired = [];
  page.on("request", (request) => request.url().startsWith("file:") || request.url().startsWith("data:") || outside.push(request.url()));
  page.on("dialog", (dialog) => { fired.push(dialog.message()); dialog.dismiss(); });
  page.on("pageerror", (error) => fired.push(String(error)));
  await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
  const seen = await page.evaluate((forbidden) => ({
    scroll: document.documentElement.scrollWidth,
    forbidden: [...document.querySelectorAll(forbidden)].map((found) => found.outerHTML.slice(0, 200)),
    handlers: [...document.querySelectorAll("*")].flatMap((found) => [...found.attributes])
      .filter((one) => one.name.startsWith("on") || /^\s*(javascript|vbscript|data:text)/i.test(one.value))
      .map((one) => `${one.name}=${one.value}`.slice(0, 200)),
    fired: typeof window.fired === "undefined" ? "" : String(window.fired),
    heading: document.querySelector("h1")?.innerText ?? "",
    figures: document.querySelectorAll("figure svg").length,
  }), FORBIDDEN);
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const violations = found.violations.map((one) => `${one.id}: ${one.nodes.length} as ${one.nodes[0].html.slice(0, 200)}`);
  await context.close();
  return { ...seen, width, colorScheme, outside, fired: [...fired, seen.fired].filter(Boolean), violations };
}

async function errors(file) {
  const validator = new HtmlValidate(new FileSystemConfigLoader({ root: true, extends: ["html-validate:standard"] }));
  const report = await validator.validateString(readFileSync(file, "utf8"));
  return report.results.flatMap((result) => result.messages)
    .map((message) => `${message.line}:${message.column} ${message.ruleId} ${message.message}`);
}

const [executablePath, ...files] = process.argv.slice(2);
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
const browser = await chromium.launch({ executablePath, args });
const told = {};
for (const file of files) {
  const views = [];
  for (const view of VIEWS) views.push(await look(browser, file, view));
  told[file] = { views, errors: await errors(file) };
}
await browser.close();
console.log(JSON.stringify(told));
