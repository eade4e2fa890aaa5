/** Shapes of keys: OpenAI and Anthropic (`sk-`), Google (`AIza`), ours (`ax_`), and whatever follows `Bearer` or `key=`. */
const keyShapes =
  /\b(?:sk-[\w*-]{4,}|AIza[\w*-]{8,}|ax_[\w*-]{8,})|\b(?:Bearer\s+|(?:api[-_]?)?key[=:]\s*)[^\s"',;&]{4,}/gi

/** Takes the given secrets, and anything that has the shape of a key, out of a text. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, '[redacted]')
  return clean.replace(keyShapes, '[redacted]')
}
