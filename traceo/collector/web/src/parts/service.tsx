/** A service's name with its colour. */

export function ServiceTag({ name, color }: { readonly name: string; readonly color: number }) {
  return (
    <span class={`service service-${color}`}>
      <span class="dot" aria-hidden="true" />
      {name}
    </span>
  );
}
