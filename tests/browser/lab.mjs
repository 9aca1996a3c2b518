// Opens notebooks in JupyterLab as an analyst does, runs all cells, and writes what they show as JSON.
//   node lab.mjs CHROMIUM http://127.0.0.1:PORT name.ipynb ...      MODULES: the folder that holds node_modules
import { createRequire } from "node:module";

const require = createRequire(`${process.env.MODULES}/`);
const { chromium } = require("playwright-core");
const SECONDS = 90;

async function run(browser, address, name) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.goto(`${address}/lab/workspaces/${name.replace(/\W/g, "-")}/tree/notebooks/${name}?reset`, { waitUntil: "domcontentloaded" });
  const notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)");
  await notebook.locator(".jp-Notebook .jp-Cell").first().waitFor({ timeout: SECONDS * 1000 });
  // Cells run only once the kernel has answered; before, JupyterLab would ask which one to start.
  await page.locator("#jp-main-statusbar").getByText("| Idle").waitFor({ timeout: SECONDS * 1000 });
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
  // Every code cell has its number once all were run; one that waits or runs has a star. An error stops the rest.
  await page.waitForFunction(() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map((one) => one.textContent);
    const isStopped = document.querySelector(".jp-OutputArea-output[data-mime-type*='stderr']");
    return isStopped || (prompts.length > 5 && prompts.every((text) => /\d+/.test(text)));
  }, null, { timeout: SECONDS * 1000, polling: 250 });
  const seen = await notebook.evaluate((panel) => ({
    figures: [...panel.querySelectorAll(".jp-OutputArea-output img")].filter((one) => one.naturalWidth > 300).length,
    tables: panel.querySelectorAll(".jp-OutputArea-output table").length,
    errors: [...panel.querySelectorAll(".jp-OutputArea-output[data-mime-type*='stderr']")]
      .map((one) => one.innerText.slice(0, 500)),
  }));
  await page.close();
  return seen;
}

const [executablePath, address, ...names] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const told = {};
const waiting = [...names];
// Two at a time, as analysts do on a small machine.
await Promise.all([1, 2].map(async () => {
  while (waiting.length) {
    const name = waiting.shift();
    told[name] = await run(browser, address, name);
  }
}));
await browser.close();
console.log(JSON.stringify(told));
