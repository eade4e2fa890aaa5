const browsers: [RegExp, string][] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS)\//, 'Chrome'],
  [/\bVersion\/[\d.]+.*Safari\//, 'Safari'],
  [/^curl\//, 'curl'],
  [/^node\b|undici/i, 'Node.js'],
  [/^python/i, 'Python'],
]

const systems: [RegExp, string][] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/CrOS/, 'ChromeOS'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** A device in words, from what its browser said about itself. The order matters: each browser claims to be older ones too. */
export function nameDevice(userAgentHeader: string | null): string {
  if (!userAgentHeader) return 'Unknown device'
  const browser = browsers.find(([pattern]) => pattern.test(userAgentHeader))?.[1]
  const system = systems.find(([pattern]) => pattern.test(userAgentHeader))?.[1]
  if (browser && system) return `${browser} on ${system}`
  return browser ?? system ?? userAgentHeader.slice(0, 60)
}
