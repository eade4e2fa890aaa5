import { conceptsOfWord } from './concepts.ts'
import { type Language, stem, stopWords } from './languages.ts'

/** A word of a text as it is compared: its stem and what it stands for. */
export interface Token {
  word: string
  stem: string
  concepts: string[]
}

// Chinese, Japanese and Korean are compared by pairs of characters, which needs no dictionary and no spaces.
const pairScripts = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
// These write without spaces, and their words are long: here the segmenter knows better than pairs.
const unspacedScripts = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is Latin, Greek, Cyrillic, Hebrew, Arabic and the Indic scripts
const isSpaced = /^[\u0000-\u0dff]*$/

let segmenter: Intl.Segmenter | undefined

/** Turns texts of one language into tokens; remembers each word, as a text repeats most of them. */
export function createTokenizer(language: Language, otherLanguage = language) {
  const seen = new Map<string, Token | null>()
  const stops = [stopWords[language], stopWords[otherLanguage]]

  function tokenOf(word: string): Token | null {
    const kept = seen.get(word)
    if (kept !== undefined) return kept
    const isStopWord = (word.length === 1 && /[a-z]/.test(word)) || stops.some((list) => list.has(word))
    const token = isStopWord ? null : { word, stem: stem(word, language), concepts: conceptsOfWord(word) }
    seen.set(word, token)
    return token
  }

  /** Takes text as `plain` gives it; leaves out words without a topic. */
  return function tokenize(plainText: string): Token[] {
    const tokens: Token[] = []
    const areSpaced = isSpaced.test(plainText)
    for (const word of plainText.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []) {
      if (areSpaced || isSpaced.test(word)) {
        const token = tokenOf(word)
        if (token) tokens.push(token)
      } else {
        for (const part of unspacedWords(word)) {
          const token = tokenOf(part)
          if (token) tokens.push(token)
        }
      }
    }
    return tokens
  }
}

function unspacedWords(run: string): string[] {
  if (unspacedScripts.test(run)) {
    segmenter ??= new Intl.Segmenter('th', { granularity: 'word' })
    return [...segmenter.segment(run)].filter((part) => part.isWordLike).map((part) => part.segment)
  }
  if (!pairScripts.test(run)) return [run]
  const characters = [...run]
  if (characters.length === 1) return characters
  return characters.slice(1).map((character, at) => `${characters[at]}${character}`)
}
