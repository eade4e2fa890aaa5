import type { Capabilities } from '../../../server/src/agents/capabilities.ts'

type ToolName = Capabilities['tools'][number]

/** What each built-in tool does, in words for a person. */
export const toolLooks: Record<ToolName, { label: string; help: string }> = {
  search_knowledge: {
    label: 'Search your texts',
    help: 'Looks answers up in the settings and shows where they stand.',
  },
  current_time: { label: 'Know the time', help: 'Knows the date and time in any time zone.' },
  calculator: { label: 'Calculate', help: 'Does sums exactly instead of guessing.' },
  remember: {
    label: 'Remember',
    help: 'Keeps what you tell it to, for later conversations. You can see and delete it.',
  },
  recall: { label: 'Recall', help: 'Looks into what it was told to remember.' },
  fetch_page: { label: 'Read web pages', help: 'Opens a web page whose address somebody gives it.' },
}
