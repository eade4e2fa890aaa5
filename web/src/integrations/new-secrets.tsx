import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { titleOf } from '../approvals/editable-schema.ts'
import { CodeBlock } from '../ui/code-block.tsx'

/** Secrets that the server made for an account: this is the only time they are seen. */
export function NewSecrets({ secrets, onClose }: { secrets: Record<string, string>; onClose: () => void }) {
  const entries = Object.entries(secrets)
  return (
    <Modal
      opened={entries.length > 0}
      onClose={onClose}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      title={<Text fw={650}>Copy this now</Text>}
    >
      <Stack>
        <Text size="sm">The other side needs it, and it is not shown again.</Text>
        {entries.map(([name, secret]) => (
          <CodeBlock key={name} label={titleOf(name)} code={secret} />
        ))}
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            I have copied it
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
