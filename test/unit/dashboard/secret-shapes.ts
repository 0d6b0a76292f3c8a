/** A packet with a secret, and what must not be shown of it at any level. */
interface SecretShape {
  readonly data: string | Buffer;
  readonly secrets: readonly string[];
}

const S = "Tr0ub4dor";

const event = (...args: unknown[]): string => `2${JSON.stringify(["say", ...args])}`;
const hidden = (data: string | Buffer, ...secrets: string[]): SecretShape => ({
  data,
  secrets: secrets.length === 0 ? [S] : secrets,
});

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
const HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/** Shapes in which secrets occur: by key, by form, by place, in packets that are secret as a whole. */
export const SECRET_SHAPES: Readonly<Record<string, SecretShape>> = {
  // keys
  "key password": hidden(event({ password: S })),
  "key passwd": hidden(event({ passwd: S })),
  "key pwd": hidden(event({ pwd: S })),
  "key passphrase": hidden(event({ Passphrase: S })),
  "key userPassword": hidden(event({ userPassword: S })),
  "key new_password": hidden(event({ new_password: S })),
  "key secret": hidden(event({ secret: S })),
  "key clientSecret": hidden(event({ clientSecret: S })),
  "key token": hidden(event({ token: S })),
  "key access_token": hidden(event({ access_token: S })),
  "key refreshToken": hidden(event({ refreshToken: S })),
  "key csrf-token": hidden(event({ "csrf-token": S })),
  "key auth": hidden(event({ auth: { user: "ann", value: S } })),
  "key Authorization": hidden(event({ headers: { Authorization: S } })),
  "key cookie": hidden(event({ cookie: S })),
  "key set-cookie": hidden(event({ "set-cookie": [S] })),
  "key sessionId": hidden(event({ sessionId: S })),
  "key sid": hidden(event({ sid: S })),
  "key pid": hidden(event({ pid: S })),
  "key jwt": hidden(event({ jwt: S })),
  "key apiKey": hidden(event({ apiKey: S })),
  "key api_key": hidden(event({ api_key: S })),
  "key x-api-key": hidden(event({ "x-api-key": S })),
  "key privateKey": hidden(event({ privateKey: S })),
  "key accessKeyId": hidden(event({ accessKeyId: S })),
  "key credentials": hidden(event({ credentials: [S] })),
  "key cardNumber": hidden(event({ cardNumber: 4111111111111 }), "4111111111111"),
  "key cvv": hidden(event({ cvv: 9876 }), "9876"),
  "key cvc": hidden(event({ cvc: "9876" }), "9876"),
  "key ssn": hidden(event({ ssn: S })),
  "key pin": hidden(event({ pin: 90210 }), "90210"),
  "key otp": hidden(event({ otp: 902101 }), "902101"),
  "key signature": hidden(event({ signature: S })),
  "a key deep inside": hidden(event({ a: [{ b: { c: { password: S } } }] })),
  "a secret as a key": hidden(event({ [JWT]: true }), JWT),
  // forms
  JWT: hidden(event(JWT), JWT, "c2lnbmF0dXJl"),
  "JWT in a sentence": hidden(event(`it is ${JWT}.`), "c2lnbmF0dXJl"),
  PASETO: hidden(event(`v4.local.${S}`)),
  "bearer header": hidden(event(`Bearer ${S}`)),
  "basic header": hidden(event("Basic YW5uOlRyMHViNGRvcg=="), "YW5uOlRyMHViNGRvcg"),
  "header line": hidden(event(`Authorization: ${S}`)),
  "cookie line": hidden(event(`theme=dark; session=${S}`)),
  query: hidden(event(`/join?room=1&token=${S}`)),
  "encoded query": hidden(event(`next=%2Fjoin%3Faccess_token%3D${S}`)),
  "URL with a password": hidden(event(`postgres://ann:${S}@db/main`)),
  "JSON in a text": hidden(event(JSON.stringify({ password: S }))),
  "JSON in JSON in a text": hidden(event(JSON.stringify(JSON.stringify({ password: S })))),
  "environment line": hidden(event(`DB_PASSWORD=${S}`)),
  "YAML line": hidden(event(`password: ${S}`)),
  "GitHub token": hidden(event(`ghp_${S}${S}`)),
  "Slack token": hidden(event(`xoxb-${S}-${S}`)),
  "Stripe key": hidden(event(`sk_live_${S}`)),
  "AWS key": hidden(event("AKIAIOSFODNN7EXAMPLE"), "AKIAIOSFODNN7EXAMPLE"),
  "Google key": hidden(event(`AIzaSyD-${S}${S}`)),
  "private key": hidden(event(`-----BEGIN RSA PRIVATE KEY-----\n${S}`)),
  "bcrypt hash": hidden(event(`$2b$10$${S}`)),
  "hex key": hidden(event(HEX), HEX),
  "long random text": hidden(event("q9Z".repeat(15)), "q9Z".repeat(15)),
  "card in a text": hidden(event("pay with 4111 1111 1111 1111"), "4111 1111"),
  "card as a number": hidden(event(5555555555554444), "5555555555554444"),
  "social security number": hidden(event("078-05-1120"), "078-05-1120"),
  IBAN: hidden(event("DE89 3704 0044 0532 0130 00"), "DE89 3704"),
  "id of a session": hidden(event("lv_VI97HAXpY6yYWAAAB"), "lv_VI97HAXpY6yYWAAAB"),
  "id of a socket of an old client": hidden(event("/chat#lv_VI97HAXpY6yYWAAAB"), "lv_VI97HAXpY6yYWAAAB"),
  // places
  "named by the text before": hidden(event("password", S)),
  "pair of a header": hidden(event([["authorization", S]])),
  "record of a header": hidden(event([{ name: "Cookie", value: S }])),
  "record of a field": hidden(event({ field: "password", text: S })),
  "arguments of an event that is named so": hidden(`2${JSON.stringify(["set-password", S])}`),
  "secret in an answer": hidden(`3/chat,7${JSON.stringify([{ token: S }])}`),
  "secret in the name of an event": hidden(`2${JSON.stringify([`Bearer ${S}`, 1])}`),
  "message beyond what is parsed": hidden(event({ password: S, fill: "x".repeat(20_000) })),
  "malformed payload": hidden(`2["say",{"password":"${S}"`),
  "deep nesting": hidden(`2["say"${',{"a":'.padEnd(6)}${"[".repeat(2000)}"${S}"`),
  // packets that are secret as a whole
  "CONNECT with credentials": hidden(`0/chat,${JSON.stringify({ whatever: S })}`),
  "CONNECT of the main namespace": hidden(`0${JSON.stringify({ x: S })}`),
  "CONNECT of an old client": hidden(`0/chat?whatever=${S},`),
  "answer to CONNECT": hidden(`0${JSON.stringify({ sid: S, pid: `${S}2` })}`),
  "CONNECT_ERROR with details": hidden(`4${JSON.stringify({ message: "sorry", data: { token: S } })}`),
  "bytes with a key": hidden(Buffer.from(`\u0082\u00a8password\u00a9${S}`, "latin1")),
  "bytes with a token": hidden(Buffer.from(`Bearer ${S}`)),
  "bytes with a session id": hidden(Buffer.from("lv_VI97HAXpY6yYWAAAB"), "lv_VI97HAXpY6yYWAAAB"),
  "not a packet": hidden(`password ${S}`),
};
