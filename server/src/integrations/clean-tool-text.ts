// Characters that people do not see and models do: control and format characters but line breaks and tabs, direction
// overrides, private use, variation selectors beyond the first 16 (which emoji need), and the tag block, in which whole
// hidden instructions have been written. Single joiners stay: Persian and emoji need them.
const invisible =
  /(?![\t\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|[\u200c\u200d]{2,}|[\u{e0000}-\u{e0fff}]/gu

/** Words that a stranger's server wrote about its tools, without invisible characters and at most `maxChars` long. */
export function cleanToolText(text: string, maxChars: number): string {
  const visible = text
    .slice(0, maxChars * 4)
    .replace(/\r\n?/g, '\n')
    .replace(invisible, '')
    .trim()
  if (visible.length <= maxChars) return visible
  return `${visible.slice(0, maxChars - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
