/** One JSON object a line. Never the event whole: it holds the ResponseURL, which is a credential. */
export function log(entry: { readonly event: string; readonly [detail: string]: unknown }): void {
  console.log(JSON.stringify(entry));
}
