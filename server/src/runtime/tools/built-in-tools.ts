import type { UrlGuard } from '../../url-guard/url-guard.ts'
import { createCalculatorTool } from './calculator.ts'
import { createCurrentTimeTool } from './current-time.ts'
import { createFetchPageTool } from './fetch-page.ts'
import { createRecallTool } from './recall.ts'
import { createRememberTool } from './remember.ts'
import type { RunTool } from './run-tool.ts'
import { createSearchKnowledgeTool } from './search-knowledge.ts'

/** The tools that `capabilities.tools` can name, by that name. */
export function createBuiltInTools(options: { urlGuard: UrlGuard; now: () => Date }): Map<string, RunTool> {
  const tools = [
    createCurrentTimeTool(options.now),
    createCalculatorTool(),
    createFetchPageTool(options.urlGuard),
    createSearchKnowledgeTool(),
    createRememberTool(),
    createRecallTool(),
  ]
  return new Map(tools.map((tool) => [tool.name, tool]))
}
