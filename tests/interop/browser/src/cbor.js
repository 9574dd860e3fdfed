/** The part of CBOR (RFC 8949) that COSE messages need; it trusts its input to be well formed. */
export function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const length = (code) => {
    if (code < 24) return code;
    const width = 1 << (code - 24);
    const read = { 1: "getUint8", 2: "getUint16", 4: "getUint32", 8: "getBigUint64" }[width];
    const value = view[read](at);
    at += width;
    return Number(value);
  };
  const item = () => {
    const first = bytes[at++];
    const argument = length(first & 31);
    switch (first >> 5) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        at += argument;
        return bytes.slice(at - argument, at);
      case 3:
        at += argument;
        return new TextDecoder().decode(bytes.subarray(at - argument, at));
      case 4:
        return Array.from({ length: argument }, item);
      case 5:
        return new Map(Array.from({ length: argument }, () => [item(), item()]));
      case 6:
        return item();
      default:
        throw new Error("not here");
    }
  };
  return item();
}

function head(major, argument) {
  if (argument < 24) return [(major << 5) | argument];
  if (argument < 256) return [(major << 5) | 24, argument];
  return [(major << 5) | 25, argument >> 8, argument & 255];
}

/** An array of texts, byte strings and small numbers. */
export function encode(items) {
  const parts = items.flatMap((item) => {
    if (typeof item === "number") return head(0, item);
    const bytes = typeof item === "string" ? new TextEncoder().encode(item) : item;
    return [...head(typeof item === "string" ? 3 : 2, bytes.length), ...bytes];
  });
  return new Uint8Array([...head(4, items.length), ...parts]);
}
