import { Alert, Checkbox, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { countOf } from '../agent-logs/format-run.ts'
import { Time } from '../ui/time.tsx'
import { choicesOf, type Keep, keepFaults, type MustChoose } from './keep-choice.ts'

interface KeepFieldsProps {
  choose: MustChoose
  keep: Keep
  onChange: (keep: Keep) => void
  planName: string
}

/** Which agents and keys stay on when a plan with less begins; at most as many as it has room for. */
export function KeepFields({ choose, keep, onChange, planName }: KeepFieldsProps) {
  const faults = keepFaults(choose, keep)
  const { agents, keys } = choicesOf(choose)
  return (
    <Stack gap="md">
      {agents && (
        <Checkbox.Group
          label={agentsLabel(choose, planName)}
          description="The others are switched off, not deleted: their settings, accounts and logs stay, and you can switch them on again when there is room."
          value={keep.user_agent_ids}
          onChange={(ids) => onChange({ ...keep, user_agent_ids: ids })}
        >
          <Stack gap="xs" mt="sm">
            {choose.user_agents.items.map(({ id, name, accounts }) => (
              <Checkbox
                key={id}
                value={id}
                label={name}
                description={accounts > 0 ? countOf(accounts, 'connected account') : undefined}
              />
            ))}
          </Stack>
        </Checkbox.Group>
      )}
      {keys && (
        <Checkbox.Group
          label={keysLabel(choose, planName)}
          description="The others are revoked when it begins. That cannot be taken back; programs that use them are refused then."
          value={keep.api_key_ids}
          onChange={(ids) => onChange({ ...keep, api_key_ids: ids })}
        >
          <Stack gap="xs" mt="sm">
            {choose.api_keys.items.map(({ id, name, last_used_at }) => (
              <Checkbox
                key={id}
                value={id}
                label={name}
                description={
                  last_used_at === null ? (
                    'never used'
                  ) : (
                    <>
                      last used <Time value={last_used_at} />
                    </>
                  )
                }
              />
            ))}
          </Stack>
        </Checkbox.Group>
      )}
      <div role="status">
        {faults.length > 0 && (
          <Alert color="honey" variant="light" icon={<IconAlertTriangle aria-hidden />} title="Too many to keep">
            {faults.map((fault) => (
              <Text key={fault} size="sm">
                {fault}
              </Text>
            ))}
          </Alert>
        )}
      </div>
    </Stack>
  )
}

function agentsLabel({ user_agents: { limit, accounts_limit } }: MustChoose, planName: string): string {
  const room = [
    ...(limit === null ? [] : [countOf(limit, 'agent')]),
    ...(accounts_limit === null ? [] : [countOf(accounts_limit, 'connected account')]),
  ]
  return `${planName} has room for ${room.join(' with ')}. Which stay on?`
}

function keysLabel({ api_keys: { limit } }: MustChoose, planName: string): string {
  return limit === 0
    ? `${planName} has no API keys. All of them are revoked.`
    : `${planName} has room for ${countOf(limit ?? 0, 'API key')}. Which go on working?`
}
