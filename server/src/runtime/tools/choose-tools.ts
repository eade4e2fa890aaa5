import type { Passage } from '../knowledge/build-passages.ts'
import { searchPassages } from '../knowledge/search-passages.ts'
import type { RunTool } from './run-tool.ts'

/** From here on models mix tools up, and their definitions cost more than the conversation. */
export const maxShownTools = 40

const maxFound = 25

const passages = new WeakMap<readonly RunTool[], Passage[]>()

/** The tools whose names and descriptions fit the text, best first. */
export function searchTools(tools: readonly RunTool[], text: string, limit = maxFound): RunTool[] {
  let known = passages.get(tools)
  if (!known) {
    known = tools.map(({ name, title, description }) => ({
      title: `${name.replaceAll(/[_-]+/g, ' ')} ${title}`,
      path: name,
      text: description.slice(0, 1000),
      isQuestion: false,
    }))
    passages.set(tools, known)
  }
  const { hits, nearest } = searchPassages(known, text, limit)
  const names = new Set([...hits.map(({ passage }) => passage.path), ...nearest.map((passage) => passage.path)])
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  return [...names].slice(0, limit).flatMap((name) => byName.get(name) ?? [])
}

/** The names of the tools to show first: ours, and of the connected ones those that fit what is talked about. */
export function chooseTools(tools: readonly RunTool[], talk: { input: string; history: { text: string }[] }): string[] {
  if (tools.length <= maxShownTools) return tools.map((tool) => tool.name)
  const own = tools.filter((tool) => tool.integrationId === null)
  const connected = tools.filter((tool) => tool.integrationId !== null)
  // The question first: of long texts only a part is searched for.
  const recent = talk.history.slice(-4).map(({ text }) => text.slice(0, 300))
  const found = [...searchTools(connected, talk.input), ...searchTools(connected, recent.join('\n'), 10)]
  return [...new Set([...own, ...found].map((tool) => tool.name))].slice(0, maxShownTools - 1)
}
