import { Alert, Text } from '@mantine/core'
import { IconPlugConnected } from '@tabler/icons-react'
import type { UserAgent } from '../../../api-client/src/api-types.ts'
import { ButtonLink } from '../ui/links.tsx'

/** Says before a run what the agent is of no use without, and where to connect it. */
export function MissingAccounts({ userAgent }: { userAgent: UserAgent }) {
  const [first] = userAgent.missing_integrations
  if (!first) return null
  return (
    <Alert
      color="honey"
      variant="light"
      mb="sm"
      icon={<IconPlugConnected aria-hidden />}
      title={`Connect ${userAgent.missing_integrations.map(({ title }) => title).join(' and ')} first`}
    >
      {userAgent.missing_integrations.map(({ type, reason }) => (
        <Text key={type} size="sm">
          {reason ?? 'This agent cannot work without it.'}
        </Text>
      ))}
      <ButtonLink
        to="/user-agents/$userAgentId/integrations"
        params={{ userAgentId: userAgent.id }}
        search={{ connect: first.type }}
        size="xs"
        mt="xs"
      >
        Connect {first.title}
      </ButtonLink>
    </Alert>
  )
}
