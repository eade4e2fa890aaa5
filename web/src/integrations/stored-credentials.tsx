import { Button, Group, Paper, Stack, Text } from '@mantine/core'
import { IconLock } from '@tabler/icons-react'
import type { ShownForm } from './shown-form.ts'

interface StoredCredentialsProps {
  form: ShownForm
  /** Which are stored, with their last characters where they are long. */
  summary: Record<string, string>
  onChange: (name: string) => void
  /** Takes the field away when the changes are saved. */
  onRemove: (name: string) => void
  removed: readonly string[]
  onKeep: (name: string) => void
}

/** Credentials that the server has. Nobody can read them back, so they are shown as being there. */
export function StoredCredentials({ form, summary, onChange, onRemove, removed, onKeep }: StoredCredentialsProps) {
  const stored = Object.entries(form.properties).filter(([name]) => name in summary)
  if (stored.length === 0) return null
  return (
    <Stack gap="xs">
      {stored.map(([name, field]) => {
        const title = String(field.title ?? name)
        const isRemoved = removed.includes(name)
        return (
          <Paper key={name} withBorder radius="md" px="md" py="xs" role="group" aria-label={title}>
            <Group justify="space-between" gap="xs">
              <div style={{ minWidth: 0 }}>
                <Text size="sm" fw={600}>
                  {title}
                </Text>
                <Group gap={5} c="dimmed" wrap="nowrap">
                  <IconLock size={14} aria-hidden />
                  <Text size="sm">{isRemoved ? 'Will be removed when you save' : storedWords(summary[name])}</Text>
                </Group>
              </div>
              <Group gap={4}>
                {isRemoved ? (
                  <Button size="xs" variant="subtle" onClick={() => onKeep(name)} aria-label={`Keep it: ${title}`}>
                    Keep it
                  </Button>
                ) : (
                  <>
                    <Button size="xs" variant="default" onClick={() => onChange(name)} aria-label={`Change: ${title}`}>
                      Change
                    </Button>
                    {!form.required.includes(name) && (
                      <Button
                        size="xs"
                        variant="subtle"
                        color="red"
                        onClick={() => onRemove(name)}
                        aria-label={`Remove: ${title}`}
                      >
                        Remove
                      </Button>
                    )}
                  </>
                )}
              </Group>
            </Group>
          </Paper>
        )
      })}
    </Stack>
  )
}

function storedWords(ending: string | undefined): string {
  return ending ? `Set, ends in ${ending}` : 'Set'
}
