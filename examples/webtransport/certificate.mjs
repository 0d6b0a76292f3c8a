import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Browsers accept a certificate by its hash for two weeks at most. */
const DAYS = 13;

/** Makes a self-signed certificate (P-256) by openssl. Returns it with its key, and with its hash for the page. */
export function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), "webtransport-"));
  const [certFile, keyFile] = ["cert.pem", "key.pem"].map((name) => join(folder, name));
  try {
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const files = ["-keyout", keyFile, "-out", certFile];
    execFileSync("openssl", ["req", "-x509", ...curve, "-days", String(DAYS), ...names, ...files], { stdio: "pipe" });
    const cert = readFileSync(certFile, "utf8");
    const hash = createHash("sha256").update(new X509Certificate(cert).raw).digest("base64");
    return { cert, key: readFileSync(keyFile, "utf8"), hash };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
