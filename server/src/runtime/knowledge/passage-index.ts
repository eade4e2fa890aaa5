import type { Passage } from './build-passages.ts'
import { takePhrases } from './concepts.ts'
import { detectLanguage, type Language, plain } from './languages.ts'
import { createTokenizer } from './tokens.ts'

/** Where a term stands: `passages[i]` holds it `counts[i]` times, in the title if `inTitle[i]`. */
export interface Postings {
  passages: number[]
  counts: number[]
  inTitle: boolean[]
}

export interface PassageIndex {
  passages: Passage[]
  language: Language
  postings: Map<string, Postings>
  /** Tokens in each passage, and different terms in each title. */
  lengths: number[]
  titleTerms: Set<string>[]
  averageLength: number
}

const cache = new WeakMap<Passage[], PassageIndex>()

/** Stems and concepts of all passages. Kept for as long as the array lives. */
export function indexPassages(passages: Passage[]): PassageIndex {
  const kept = cache.get(passages)
  if (kept) return kept
  const language = detectLanguage(sampleOf(passages))
  const tokenize = createTokenizer(language)
  const index: PassageIndex = {
    passages,
    language,
    postings: new Map(),
    lengths: [],
    titleTerms: [],
    averageLength: 1,
  }
  for (const [at, passage] of passages.entries()) {
    const titleText = plain(passage.title)
    const titleTokens = tokenize(titleText)
    const titleConcepts = new Set([
      ...takePhrases(titleText).concepts,
      ...titleTokens.flatMap((token) => token.concepts),
    ])
    for (const token of titleTokens) add(index.postings, token.stem, at, true)
    for (const concept of titleConcepts) add(index.postings, concept, at, true)
    const bodyTokens = tokenize(plain(passage.text))
    for (const token of bodyTokens) {
      add(index.postings, token.stem, at, false)
      for (const concept of token.concepts) add(index.postings, concept, at, false)
    }
    index.lengths.push(titleTokens.length + bodyTokens.length)
    index.titleTerms.push(new Set(titleTokens.map((token) => token.concepts[0] ?? token.stem)))
  }
  index.averageLength = Math.max(
    1,
    index.lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, passages.length),
  )
  cache.set(passages, index)
  return index
}

function add(postings: Map<string, Postings>, term: string, passage: number, isTitle: boolean): void {
  let entry = postings.get(term)
  if (!entry) {
    entry = { passages: [], counts: [], inTitle: [] }
    postings.set(term, entry)
  }
  const last = entry.passages.length - 1
  if (entry.passages[last] === passage) {
    entry.counts[last] = (entry.counts[last] ?? 0) + 1
  } else {
    entry.passages.push(passage)
    entry.counts.push(1)
    entry.inTitle.push(isTitle)
  }
}

/** Some of each passage, so that one long text in another language does not decide for all. */
function sampleOf(passages: Passage[]): string {
  const step = Math.max(1, Math.ceil(passages.length / 50))
  return passages
    .filter((_, at) => at % step === 0)
    .map((passage) => `${passage.title} ${passage.text.slice(0, 350)}`)
    .join('\n')
}
