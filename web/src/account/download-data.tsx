import { Button, Group } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { downloadSignedIn } from '../agent-logs/download.ts'
import { Section } from './section.tsx'

export function DownloadData() {
  return (
    <Section
      title="Your data"
      description="One JSON file with everything kept about you: profile, devices, agents, settings, subscriptions and every log. Passwords, keys and credentials are not in it."
    >
      <Group>
        <Button
          component="a"
          href="/api/v1/me/export"
          download
          onClick={downloadSignedIn}
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
        >
          Download my data
        </Button>
      </Group>
    </Section>
  )
}
