<?php
// Runs sign_in() of the file in the argument. Each line of standard input is a JSON list: a password in
// base64 and what is stored. The answer is a line of JSON: what is to be stored, or null.

require $argv[1];

while (($line = fgets(STDIN)) !== false) {
    [$password, $stored] = json_decode($line, true);
    echo json_encode(sign_in(base64_decode($password), $stored)), "\n";
}
