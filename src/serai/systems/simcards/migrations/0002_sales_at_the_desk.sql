-- The desk lists sales by time, the newest first, and finds those of one buyer.

create index sales_by_time on simcards.sales (tenant_id, created_at, sale_id);
create index sales_of_email on simcards.sales (tenant_id, lower(email));
