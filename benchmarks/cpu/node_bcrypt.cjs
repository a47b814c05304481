/* @node-rs/bcrypt for peers.py. Each line of standard input is a JSON object: passwords, what to do
 * with each (hash it with a cost, or check it against a hash), and whether all are handed to the
 * thread pool at once. The answer is a line: how many seconds they took, and how many of the checks
 * were right. */
"use strict";
const { hash, verify } = require("@node-rs/bcrypt");

const one = (password, task) =>
  typeof task === "number" ? hash(password, { cost: task }) : verify(password, task);

async function run({ passwords, tasks, together }) {
  const results = [];
  if (together) {
    results.push(...(await Promise.all(passwords.map((password, i) => one(password, tasks[i])))));
  } else {
    for (let i = 0; i < passwords.length; i++) {
      results.push(await one(passwords[i], tasks[i]));
    }
  }
  return results.filter((result) => result !== false).length;
}

(async () => {
  console.log("ready");
  for await (const line of require("node:readline").createInterface({ input: process.stdin })) {
    const started = performance.now();
    const right = await run(JSON.parse(line));
    console.log((performance.now() - started) / 1000, right);
  }
})();
