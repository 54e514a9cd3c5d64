import type { ReactNode } from "react";

/** What went wrong, beside the control that it happened to; read out at once. */
export function Problem({ text, children }: { text: string | null; children?: ReactNode }) {
  if (text === null) return null;
  return (
    <div role="alert" className="problem">
      <p>{text}</p>
      {children}
    </div>
  );
}
