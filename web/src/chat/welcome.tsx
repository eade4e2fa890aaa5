import { SimpleGrid, Stack, Text, Title, UnstyledButton } from '@mantine/core'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { AgentTypeIcon } from '../ui/agent-type-icon.tsx'
import classes from './chat.module.css'

/** An empty conversation: who answers here, and first questions to press. */
export function Welcome({ userAgent, onStart }: { userAgent: UserAgent; onStart?: (input: string) => void }) {
  return (
    <Stack align="center" gap="md" py={{ base: 'md', sm: 40 }} ta="center">
      <AgentTypeIcon type={userAgent.agent.type} size={64} />
      <Title order={2} size="h3">
        What can {userAgent.name} do for you?
      </Title>
      <Text c="dimmed" maw={520}>
        {userAgent.agent.description}
      </Text>
      {onStart && userAgent.starters.length > 0 && (
        <SimpleGrid
          cols={{ base: 1, sm: 2 }}
          spacing="sm"
          w="100%"
          mt="sm"
          role="group"
          aria-label="Questions to begin with"
        >
          {userAgent.starters.slice(0, 6).map((starter) => (
            <UnstyledButton key={starter} className={classes.starter} onClick={() => onStart(starter)}>
              <Text size="sm">{starter}</Text>
            </UnstyledButton>
          ))}
        </SimpleGrid>
      )}
    </Stack>
  )
}
