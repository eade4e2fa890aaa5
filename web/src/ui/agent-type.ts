import {
  type Icon,
  IconBriefcase,
  IconCalendarEvent,
  IconChartBar,
  IconHeadset,
  IconLanguage,
  IconMail,
  IconNotes,
  IconPencil,
  IconSchool,
  IconSearch,
  IconSparkles,
  IconSpeakerphone,
  IconUsers,
} from '@tabler/icons-react'
import type { AgentType } from '../../../server/src/catalogue/catalogue-schemas.ts'

interface AgentTypeLook {
  label: string
  icon: Icon
  /** A colour of the theme. */
  color: string
}

/** How each type of agent is named and drawn, in the order of the filter. */
export const agentTypeLooks: Record<AgentType, AgentTypeLook> = {
  customer_service: { label: 'Customer service', icon: IconHeadset, color: 'spruce' },
  social_media: { label: 'Social media', icon: IconSpeakerphone, color: 'pink' },
  content: { label: 'Content', icon: IconPencil, color: 'honey' },
  sales: { label: 'Sales', icon: IconBriefcase, color: 'orange' },
  scheduling: { label: 'Scheduling', icon: IconCalendarEvent, color: 'violet' },
  email: { label: 'E-mail', icon: IconMail, color: 'blue' },
  research: { label: 'Research', icon: IconSearch, color: 'indigo' },
  data_analysis: { label: 'Data analysis', icon: IconChartBar, color: 'cyan' },
  education: { label: 'Education', icon: IconSchool, color: 'grape' },
  recruiting: { label: 'Recruiting', icon: IconUsers, color: 'lime' },
  meetings: { label: 'Meetings', icon: IconNotes, color: 'teal' },
  translation: { label: 'Translation', icon: IconLanguage, color: 'red' },
  other: { label: 'Other', icon: IconSparkles, color: 'gray' },
}

/** Also for a type this page does not know yet: it may be older than the server. */
export function lookOfType(type: string): AgentTypeLook {
  return Object.hasOwn(agentTypeLooks, type) ? agentTypeLooks[type as AgentType] : agentTypeLooks.other
}
