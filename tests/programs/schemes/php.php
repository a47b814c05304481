<?php
// Makes and checks stored passwords with PHP's own bcrypt, for tests/makers.py. Each line of standard
// input is a JSON object; the answer is a line of JSON. The passwords are in base64.

const PEPPER = 'pepper';

// What the system hands to bcrypt.
function key_of(string $scheme, string $password): string
{
    switch ($scheme) {
        case 'wordpress': // wp_hash_password()
            return base64_encode(hash_hmac('sha384', trim($password), 'wp-sha384', true));
        case 'symfony': // NativePasswordHasher
            $long = strlen($password) > 72 || str_contains($password, "\0");
            return $long ? base64_encode(hash('sha512', $password, true)) : $password;
        case 'django-sha256':
        case 'sha256-hex':
            return hash('sha256', $password);
        case 'md5-hex':
            return md5($password);
        case 'sha1-hex':
            return sha1($password);
        case 'sha512-hex':
            return hash('sha512', $password);
        case 'pepper':
            return $password . PEPPER;
        case 'cockroachdb': // Sum() of Go's hashes appends to its argument
            return $password . hash('sha256', '', true);
        default:
            return $password;
    }
}

const MARKS = [
    'wordpress' => '$wp', 'django' => 'bcrypt$', 'django-sha256' => 'bcrypt_sha256$',
    'dovecot' => '{BLF-CRYPT}', 'spring' => '{bcrypt}', 'ldap' => '{CRYPT}', 'jenkins' => '#jbcrypt:',
    'woltlab' => 'DoubleBcrypt:', 'woltlab-bcrypt' => 'Bcrypt:',
];

function make(string $scheme, string $password, int $cost): ?string
{
    $key = key_of($scheme, $password);
    if (str_contains($key, "\0")) {
        return null; // PHP refuses it
    }
    $hashed = password_hash($key, PASSWORD_BCRYPT, ['cost' => $cost]);
    if ($scheme === 'woltlab') { // getDoubleSaltedHash(), of WoltLab before 5.4 without the mark
        $hashed = crypt($hashed, $hashed);
    }
    return $scheme === 'base64' ? base64_encode($hashed) : (MARKS[$scheme] ?? '') . $hashed;
}

while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    $password = base64_decode($asked['password']);
    if (isset($asked['stored'])) {
        $hashed = substr($asked['stored'], strlen(MARKS[$asked['scheme']] ?? ''));
        $answer = password_verify(key_of($asked['scheme'], $password), $hashed);
    } else {
        $answer = make($asked['scheme'], $password, $asked['cost']);
    }
    echo json_encode($answer), "\n";
}
