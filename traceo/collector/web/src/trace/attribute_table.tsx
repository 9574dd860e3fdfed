import { groupAttributes, valueText } from "../attributes";
import { keyRulesAt } from "../marker";
import { CopyButton } from "../parts/copy";
import { RedactedText, RedactedValue } from "../parts/redacted";
import type { Attributes, Redaction } from "../types";

type KeyProps = { readonly name: string; readonly path: string; readonly redacted: readonly Redaction[] };

/** A key may itself hold a marker; a long one breaks after its dots. */
function Key({ name, path, redacted }: KeyProps) {
  const rules = keyRulesAt(redacted, path);
  if (rules.length > 0)
    return <RedactedText text={name} path={path} redacted={redacted} rules={rules} plain />;
  return (
    <>
      {name.split(".").map((part, index) => (
        <>
          {index > 0 && (
            <>
              .<wbr />
            </>
          )}
          {part}
        </>
      ))}
    </>
  );
}

type TableProps = {
  readonly attributes: Attributes;
  /** What `redacted` paths of these attributes may start with; the first one is the rule. */
  readonly paths: readonly string[];
  readonly redacted: readonly Redaction[];
  readonly filter: string;
};

export function AttributeTable({ attributes, paths, redacted, filter }: TableProps) {
  const groups = groupAttributes(attributes, filter);
  if (groups.length === 0) {
    return filter ? <p class="faint none">Nothing matches “{filter}”.</p> : <p class="faint none">None.</p>;
  }
  const pathOf = (key: string): string => {
    const all = paths.map((path) => `${path}.${key}`);
    const isNamed = (path: string) =>
      redacted.some((entry) => entry.path === path || entry.path.startsWith(`${path}.`));
    return all.find(isNamed) ?? all[0] ?? key;
  };
  return (
    <table class="attributes">
      <colgroup>
        <col class="key" />
        <col />
        <col class="tools" />
      </colgroup>
      {groups.map(({ title, entries }) => (
        <tbody>
          {groups.length > 1 && (
            <tr class="group">
              <th colSpan={3} scope="rowgroup">
                {title}
              </th>
            </tr>
          )}
          {entries.map(([key, value]) => (
            <tr key={key}>
              <th scope="row">
                <Key name={key} path={pathOf(key)} redacted={redacted} />
              </th>
              <td>
                <RedactedValue value={value} path={pathOf(key)} redacted={redacted} />
              </td>
              <td class="tools">
                <CopyButton text={valueText(value)} label={`Copy ${key}`} />
              </td>
            </tr>
          ))}
        </tbody>
      ))}
    </table>
  );
}
