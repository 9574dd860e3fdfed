import { useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons";

async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // plain http on another host has no clipboard; the text can still be selected
  }
}

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [result, setResult] = useState<"" | "done" | "failed">("");
  const copy = async (event: Event) => {
    event.stopPropagation();
    setResult((await writeClipboard(text)) ? "done" : "failed");
    setTimeout(() => setResult(""), 1500);
  };
  const name = result === "done" ? "Copied" : result === "failed" ? "Copying is not allowed here" : label;
  return (
    <button type="button" class="icon-button copy" aria-label={name} title={name} onClick={copy}>
      {result === "done" ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}
