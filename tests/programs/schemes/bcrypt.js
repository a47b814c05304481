/* Stands in for the npm package bcrypt, which tests don't install: asks pyca/bcrypt. */
"use strict";
const { execFileSync } = require("node:child_process");

const ask = (...asked) =>
  JSON.parse(execFileSync(process.env.PYTHON, ["-m", "tests.programs.schemes.pyca"], {
    input: JSON.stringify(asked),
  }));

exports.compare = async (password, hashed) => ask(password, hashed);
exports.hash = async (password) => ask(password, null);
