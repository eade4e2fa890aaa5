import { Box, Paper, SimpleGrid, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { AgentLog } from '../../../api-client/src/api-types.ts'
import { TextLink } from '../ui/links.tsx'
import { Time } from '../ui/time.tsx'
import { formatCost, formatCount, formatDuration } from './format-run.ts'

const sourceWords: Record<string, string> = { chat: 'Chat', api: 'API', openai: 'OpenAI-compatible API' }

/** The numbers and names of a run. */
export function RunFacts({ log }: { log: AgentLog }) {
  const tokens =
    log.input_tokens === null && log.output_tokens === null
      ? null
      : `${formatCount(log.input_tokens ?? 0)} in, ${formatCount(log.output_tokens ?? 0)} out`
  return (
    <Paper withBorder p="lg" component="section" aria-label="Facts">
      <SimpleGrid component="dl" cols={{ base: 2, md: 4 }} spacing="lg" m={0}>
        <Fact name="Agent">
          {log.user_agent_id && log.user_agent_name ? (
            <TextLink to="/logs" search={{ user_agent_id: log.user_agent_id }} inherit>
              {log.user_agent_name}
            </TextLink>
          ) : (
            (log.agent_name ?? 'Deleted agent')
          )}
        </Fact>
        <Fact name="When">
          <Time value={log.timestamp} isExact />
        </Fact>
        <Fact name="Time to the end">{log.latency_ms === null ? null : formatDuration(log.latency_ms)}</Fact>
        <Fact name="Asked by">{sourceWords[log.source] ?? log.source}</Fact>
        <Fact name="Model">{log.model}</Fact>
        <Fact name="Tokens">{tokens}</Fact>
        <Fact name="Cost">{log.cost_usd === null ? 'Not known' : formatCost(log.cost_usd)}</Fact>
        <Fact name="Conversation">
          <TextLink
            to="/logs"
            search={{ conversation_id: log.conversation_id, user_agent_id: log.user_agent_id ?? undefined }}
            inherit
          >
            All its runs
          </TextLink>
        </Fact>
      </SimpleGrid>
    </Paper>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Box miw={0}>
      <Text component="dt" size="xs" c="dimmed">
        {name}
      </Text>
      <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
        {children ?? '–'}
      </Text>
    </Box>
  )
}
