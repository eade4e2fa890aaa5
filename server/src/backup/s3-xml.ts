// The answers of S3 are flat lists of elements without attributes; this reads those and nothing else.

/** The contents of every `<name>` element. */
export function readElements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map(([, content = '']) => content)
}

/** The text of the first `<name>` element, entities decoded; undefined when there is none. */
export function readText(xml: string, name: string): string | undefined {
  return readElements(xml, name)[0]?.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, named) => {
    if (decimal) return String.fromCodePoint(Number(decimal))
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    return { quot: '"', apos: "'", amp: '&', lt: '<', gt: '>' }[String(named)] ?? whole
  })
}
