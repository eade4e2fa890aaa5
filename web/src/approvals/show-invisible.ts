// Signs without a shape: controls, formats (directions, tags, joiners), private use, fillers, selectors in a row. A
// joiner between the signs of emoji, or of scripts that need it, belongs there.
const invisible =
  /(?![\t\n\r\u200c\u200d])[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]|(?<![^\0-\u024f\u200c\u200d])[\u200c\u200d]|\u034f|[\u115f\u1160\u2800\u3164\uffa0]|[\u{e0100}-\u{e01ef}]|[\ufe00-\ufe0f](?=[\ufe00-\ufe0f])/gu

/** What is approved must be what is done: words that the eye does not see, or sees in another order, are shown by their numbers. */
export function showInvisible(text: string): string {
  return text.replace(
    invisible,
    (sign) => `⟦U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟧`,
  )
}
