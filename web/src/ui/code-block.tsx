import { Box, Code, Group, ScrollArea, Text } from '@mantine/core'
import { CopyButton } from './copy-button.tsx'

/** Text to copy, such as a command; scrolls sideways by itself and never breaks the page. */
export function CodeBlock({ code, label }: { code: string; label?: string }) {
  return (
    <Box>
      <Group justify="space-between" mb={6} gap="xs">
        <Text size="sm" fw={600}>
          {label}
        </Text>
        <CopyButton text={code} />
      </Group>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': label ?? 'Code' }}>
        <Code block p="md" miw="100%" w="max-content" style={{ overflow: 'visible' }}>
          {code}
        </Code>
      </ScrollArea>
    </Box>
  )
}
