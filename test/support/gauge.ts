/** The value of a gauge without labels on `/metrics`, such as `tool_calls_in_flight`; NaN if there is none. */
export async function gauge({ url }: { url: string }, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((found) => found.startsWith(`image_mcp_${name} `))
  return Number(line?.split(' ')[1] ?? Number.NaN)
}
