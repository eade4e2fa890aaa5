import { conceptsOfWord, conceptWords, isCountry, takePhrases } from './concepts.ts'
import { detectLanguage, genericWords, plain } from './languages.ts'
import type { PassageIndex } from './passage-index.ts'
import { createTokenizer, type Token } from './tokens.ts'

/** One thing a question asks about, with the terms of the index that would match it. */
export interface Slot {
  /** How much it says about the topic: from 0.3 (in most passages) to 1 (rare). */
  weight: number
  alternatives: { term: string; factor: number; idf: number }[]
}

const unknownWeight = 1
const weakWeight = 0.5
const genericWeight = 0.25
const maxSlots = 40

/** What a question is about. A word that no passage knows is a slot without alternatives: it lowers the confidence. */
export function readQuery(index: PassageIndex, query: string): Slot[] {
  const { concepts, rest } = takePhrases(plain(query))
  const tokenize = createTokenizer(index.language, detectLanguage(query, index.language))
  const tokens = new Map(tokenize(rest).map((token) => [token.stem, token]))
  const slots = [...tokens.values()].slice(0, maxSlots).flatMap((token) => slotsOfToken(index, token))
  // "How long" alone says little about the topic, but tells two passages on the same topic apart.
  const phraseSlots = concepts.map((concept) => ({
    weight: slots.length === 0 ? 1 : weakWeight,
    alternatives: [alternative(index, concept, 1)],
  }))
  return mergeSame([...slots, ...phraseSlots])
}

function slotsOfToken(index: PassageIndex, token: Token): Slot[] {
  if (isCountry(token.word)) {
    return [
      { weight: weakWeight, alternatives: [alternative(index, token.stem, 1), alternative(index, '~abroad', 0.8)] },
    ]
  }
  const isKnown = index.postings.has(token.stem)
  const [concept, ...moreConcepts] = token.concepts
  const alternatives = [alternative(index, token.stem, 1)]
  if (concept) alternatives.push(alternative(index, concept, 0.85))
  if (!isKnown && token.word.length >= 4 && !/\d/.test(token.word)) alternatives.push(...nearTerms(index, token))
  const known = alternatives.filter(({ term }) => index.postings.has(term))
  const weight = genericWords.has(token.word)
    ? genericWeight
    : Math.max(...known.map(({ idf }) => weightOf(index, idf)), known.length === 0 ? unknownWeight : 0)
  const slots: Slot[] = [{ weight, alternatives: known }]
  // A compound such as `Versandkosten` says two things.
  for (const more of moreConcepts) slots.push({ weight: weakWeight, alternatives: [alternative(index, more, 1)] })
  return slots
}

function alternative(index: PassageIndex, term: string, factor: number) {
  return { term, factor, idf: idfOf(index, index.postings.get(term)?.passages.length ?? 0) }
}

function idfOf(index: PassageIndex, documents: number): number {
  return Math.log(1 + (index.passages.length - documents + 0.5) / (documents + 0.5))
}

function weightOf(index: PassageIndex, idf: number): number {
  return Math.min(1, Math.max(0.3, idf / idfOf(index, 1)))
}

/** "Deliver" and "shipping" in one question ask for one thing, once. */
function mergeSame(slots: Slot[]): Slot[] {
  const byConcept = new Map<string, Slot>()
  return slots.filter((slot) => {
    const concept = slot.alternatives.find(({ term }) => term.startsWith('~'))?.term
    const earlier = concept === undefined ? undefined : byConcept.get(concept)
    if (concept === undefined || concept === '~abroad') return true
    if (!earlier) {
      byConcept.set(concept, slot)
      return true
    }
    earlier.weight = Math.max(earlier.weight, slot.weight)
    earlier.alternatives.push(...slot.alternatives.filter(({ term }) => !term.startsWith('~')))
    return false
  })
}

/** Terms that a word unknown here may have meant: another form, a part of the same compound, or a typing mistake away. */
function nearTerms(index: PassageIndex, token: Token): Slot['alternatives'] {
  const found: Slot['alternatives'] = []
  const allowed = token.word.length >= 8 ? 2 : 1
  for (const term of index.postings.keys()) {
    if (term.startsWith('~')) continue
    if (sharesBeginning(term, token.stem) || isEndOfCompound(term, token.stem))
      found.push(alternative(index, term, 0.8))
    else if (isMistyped(token.stem, term, allowed) || isMistyped(token.word, term, allowed))
      found.push(alternative(index, term, 0.75))
  }
  if (token.concepts.length === 0 && found.length === 0) {
    const meant = conceptWords.filter(
      (word) => isMistyped(token.word, word, word.length >= 7 ? 2 : 1) || isMistypedBeginning(token.word, word),
    )
    for (const concept of new Set(meant.flatMap(conceptsOfWord))) found.push(alternative(index, concept, 0.7))
  }
  return found
}

function sharesBeginning(term: string, stem: string): boolean {
  const shorter = Math.min(term.length, stem.length)
  if (shorter < 5 || Math.abs(term.length - stem.length) > 8) return false
  return term.length > stem.length ? term.startsWith(stem) : stem.startsWith(term)
}

/** `lightbulb` is a kind of bulb. */
function isEndOfCompound(term: string, stem: string): boolean {
  return term.length >= 4 && stem.length - term.length >= 4 && stem.endsWith(term)
}

/** `shiping` begins with a mistyped `shipping`'s stem: compares only as much as the table's beginning has. */
function isMistypedBeginning(word: string, beginning: string): boolean {
  if (beginning.length < 6 || word.length <= beginning.length) return false
  return [0, 1].some((more) => isMistyped(word.slice(0, beginning.length + more), beginning, 1))
}

function isMistyped(word: string, term: string, allowed: number): boolean {
  if (word.length < 4 || term.length < 4 || word[0] !== term[0]) return false
  // In short words one letter more or less makes another word: `card` and `car`.
  if (
    Math.min(word.length, term.length) < 5 &&
    word.length === term.length &&
    sortedLetters(word) !== sortedLetters(term)
  )
    return false
  if (Math.abs(word.length - term.length) > allowed) return false
  return distance(word, term) <= allowed
}

const sortedLetters = (word: string) => [...word].sort().join('')

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? Number.POSITIVE_INFINITY
}
