import type { Passage } from './build-passages.ts'
import { indexPassages, type PassageIndex } from './passage-index.ts'
import { readQuery, type Slot } from './read-query.ts'

export interface PassageHit {
  passage: Passage
  /** How much of what the question is about the passage covers: from 0 to 1. */
  score: number
}

/** From here on a passage answers the question; between the two it may only be near it; below, it has nothing to do with it. */
export const strongScore = 0.5
export const weakScore = 0.36

export interface PassageSearch {
  /** Best first; none below `weakScore`. */
  hits: PassageHit[]
  /** Passages that share something with the question, also those too far from it to answer. Best first. */
  nearest: Passage[]
}

/** Looks for the passages that answer a question, in any of the languages of `languages.ts`, also when words are mistyped. */
export function searchPassages(passages: Passage[], query: string, limit = 5): PassageSearch {
  const index = indexPassages(passages)
  const slots = readQuery(index, query.slice(0, 2000))
  const found = scorePassages(index, slots)
  const ranked = [...found.entries()]
    .map(([at, { confidence, relevance }]) => ({
      at,
      confidence,
      rank: rankOf(index, at, slots, confidence, relevance),
    }))
    .sort((a, b) => b.rank - a.rank || a.at - b.at)
  const hits: PassageHit[] = []
  const nearest: Passage[] = []
  for (const { at, confidence } of ranked) {
    const passage = passages[at]
    if (!passage || hits.length >= limit) break
    if (confidence >= weakScore) hits.push({ passage, score: Math.round(confidence * 100) / 100 })
    if (nearest.length < limit && confidence >= 0.1) nearest.push(passage)
  }
  return { hits, nearest }
}

interface Score {
  confidence: number
  relevance: number
}

// Beyond a few good matches more words of a long message do not make an answer less right.
const enoughWeight = 2.4
const bodyFactor = 0.7

function scorePassages(index: PassageIndex, slots: Slot[]): Map<number, Score> {
  const scores = new Map<number, Score>()
  const needed = Math.min(
    slots.reduce((sum, slot) => sum + slot.weight, 0),
    enoughWeight,
  )
  for (const slot of slots) {
    const best = new Map<number, Score>()
    for (const { term, factor, idf } of slot.alternatives) {
      const postings = index.postings.get(term)
      if (!postings) continue
      for (const [i, at] of postings.passages.entries()) {
        const inTitle = postings.inTitle[i] === true
        const confidence = (slot.weight * factor * (inTitle ? 1 : bodyFactor)) / needed
        const relevance = idf * factor * bm25(postings.counts[i] ?? 1, index.lengths[at] ?? 1, index.averageLength)
        const before = best.get(at)
        if (!before || confidence > before.confidence) best.set(at, { confidence, relevance })
      }
    }
    for (const [at, score] of best) {
      const sum = scores.get(at)
      if (sum) {
        sum.confidence += score.confidence
        sum.relevance += score.relevance
      } else scores.set(at, score)
    }
  }
  for (const score of scores.values()) score.confidence = Math.min(1, score.confidence)
  return scores
}

// Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; k1 1.2, b 0.6.
function bm25(count: number, length: number, averageLength: number): number {
  return (count * 2.2) / (count + 1.2 * (0.4 + (0.6 * length) / averageLength))
}

/** Confidence first; then how much of the title was asked for, so that a short exact title wins; then BM25. */
function rankOf(index: PassageIndex, at: number, slots: Slot[], confidence: number, relevance: number): number {
  const title = index.titleTerms[at]
  if (!title || title.size === 0) return confidence + 0.01 * relevance
  const asked = new Set(slots.flatMap((slot) => slot.alternatives.map(({ term }) => term)))
  let covered = 0
  for (const term of title) if (asked.has(term)) covered++
  return confidence + 0.15 * (covered / title.size) + 0.01 * relevance
}
