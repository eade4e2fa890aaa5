import { Badge, Card, Group, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { AgentSummary } from '../../../api-client/src/api-types.ts'
import { lookOfType } from '../ui/agent-type.ts'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import { firstSentence } from '../ui/first-sentence.ts'

/** One agent of the catalogue. Its name is the link, and the link covers the card. `order` is the level of the heading. */
export function AgentCard({ agent, order = 2 }: { agent: AgentSummary; order?: 2 | 3 }) {
  return (
    <Card component="article" className="ax-link-card">
      <Group wrap="nowrap" mb="sm">
        <AgentTypeIcon type={agent.type} />
        <div style={{ minWidth: 0 }}>
          <Title order={order} size="h4" lh={1.3}>
            <Link to="/agents/$agentId" params={{ agentId: agent.id }}>
              {agent.name}
            </Link>
          </Title>
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
