/** Opens what Traceo sealed, with nothing of Traceo: HPKE from hpke-js, AES-GCM from WebCrypto. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { decode, encode } from "./cbor.js";

const KEMS = { [-91258]: XWing, [-65568]: DhkemX25519HkdfSha256 };
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromBase64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const suiteOf = (algorithm) =>
  new CipherSuite({ kem: new KEMS[algorithm](), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

async function decrypt(key, iv, data, additionalData) {
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, imported, data));
}

/** A batch (COSE_Encrypt): its header and its decompressed body. */
async function openBatch(sealed, privateKey) {
  const [isProtected, unprotected, ciphertext, [[inner, ek, wrapped]]] = decode(fromHex(sealed));
  const suite = suiteOf(decode(inner).get(1));
  const context = await suite.createRecipientContext({
    recipientKey: await suite.kem.importKey("raw", fromHex(privateKey).buffer, false),
    enc: ek.get(-4),
    info: encode(["HPKE Recipient", 3, inner, isProtected]),
  });
  const contentKey = new Uint8Array(await context.open(wrapped));
  const aad = encode(["Encrypt", isProtected, new Uint8Array()]);
  const body = await decrypt(contentKey, unprotected.get(5), ciphertext, aad);
  const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream("gzip"));
  const header = decode(isProtected);
  return {
    text: await new Response(stream).text(),
    signal: header.get("sig"),
    tenant: header.get("ten"),
    batchId: toHex(header.get("bid")),
  };
}

/** A sealed value (compact JWE, dir and A256GCM). */
async function openField(token, key) {
  const [header, , iv, body, tag] = token.split(".");
  const sealed = new Uint8Array([...fromBase64(body), ...fromBase64(tag)]);
  return new TextDecoder().decode(
    await decrypt(fromHex(key), fromBase64(iv), sealed, new TextEncoder().encode(header)),
  );
}

/** Wraps a content key the way a sender does. */
async function wrap(algorithm, publicKey, secret, info) {
  const suite = suiteOf(algorithm);
  const sender = await suite.createSenderContext({
    recipientPublicKey: await suite.kem.importKey("raw", fromHex(publicKey).buffer, true),
    info: fromHex(info),
  });
  const wrapped = await sender.seal(fromHex(secret));
  return [toHex(new Uint8Array(sender.enc)), toHex(new Uint8Array(wrapped))];
}

globalThis.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  globalThis.violations.push(event.violatedDirective),
);
globalThis.sealed = { openBatch, openField, wrap };
