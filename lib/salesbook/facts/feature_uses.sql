-- One row per seller, day and feature of the CRM that they used.
-- key: owner_id, used_on, feature
-- needs: crm_usage
-- follows: owner = seller_facts.owner_id
select owner_id, used_on, feature, events as n_events
from crm_usage
where events > 0
order by owner_id, used_on, feature
