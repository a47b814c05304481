/* Runs signIn() of the file in the argument. Each line of standard input is a JSON list: a password in
 * base64 and what is stored. The answer is a line of JSON: what is to be stored, or null. */
"use strict";
const { readFileSync } = require("node:fs");
const { signIn } = require(process.argv[2]);

async function main() {
  for (const line of readFileSync(0, "utf8").trim().split("\n")) {
    const [password, stored] = JSON.parse(line);
    const answer = await signIn(Buffer.from(password, "base64").toString(), stored);
    console.log(JSON.stringify(answer));
  }
}

main();
