import { Badge, Card, Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AgentSummary } from '../../../api-client/src/api-types.ts'
import { lookOfType } from '../ui/agent-type.ts'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import { firstSentence } from '../ui/first-sentence.ts'

/** One agent of the catalogue; the whole card is the link. */
export function AgentCard({ agent }: { agent: AgentSummary }) {
  return (
    <Card
      renderRoot={(props) => <Link {...props} to="/agents/$agentId" params={{ agentId: agent.id }} />}
      className="ax-card-link"
      aria-label={agent.name}
    >
      <Group wrap="nowrap" mb="sm">
        <AgentTypeIcon type={agent.type} />
        <div style={{ minWidth: 0 }}>
          <Text fw={650} fz="md" lh={1.3}>
            {agent.name}
          </Text>
          <Text size="sm" c="dimmed">
            {lookOfType(agent.type).label}
          </Text>
        </div>
      </Group>
      <Text size="sm" className="ax-clamp-3">
        {firstSentence(agent.description)}
      </Text>
      {(agent.is_mine || agent.creator) && (
        <Group mt="md" gap="xs">
          {agent.is_mine ? (
            <Badge color="honey">Created by you</Badge>
          ) : (
            <Text size="xs" c="dimmed">
              By {agent.creator?.name ?? 'a member'}
            </Text>
          )}
        </Group>
      )}
    </Card>
  )
}
